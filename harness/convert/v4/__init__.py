"""Programs in the form of kmodel version 4: the operations of nncase 0.2."""
