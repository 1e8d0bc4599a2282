"""What several readers share: which file is what, dates, invoice lines, mappings. Readers import none of each other."""
