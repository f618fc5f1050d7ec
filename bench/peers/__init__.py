"""firsthand beside its peers: the same events, the same totals, in the same rounds."""
