"""`make soak`: a steady load through a worker while things break; what is left of it at the end."""
