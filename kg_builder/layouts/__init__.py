"""What readers of one kind of layout share: which file is what, dates, invoice lines, mappings; readers never import each other."""
