"""kmodel version 3, of nncase 0.1. Source: kendryte-standalone-sdk `kpu.h` and `kpu.c`."""
