"""Programs in the form of kmodel version 3: the operations of nncase 0.1."""
