"""Records that are plainly right, as columns: the quick half of decoding, in C."""
