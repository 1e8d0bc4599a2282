"""What readers of one kind of layout share (which file is what, dates, invoice lines, mappings), as readers never import each other."""
