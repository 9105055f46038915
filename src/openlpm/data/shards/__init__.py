"""Units as samples in tar files, which any reader of WebDataset reads, and ``openlpm train`` too."""
