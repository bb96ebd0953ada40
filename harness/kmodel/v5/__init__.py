"""kmodel version 5, of nncase 1.0-beta1 to 1.9."""
