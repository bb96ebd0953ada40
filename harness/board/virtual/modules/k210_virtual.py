# No firmware has this module: whoever can import it runs on a virtual board.
