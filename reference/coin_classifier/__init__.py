"""Coin classifier: a few photographs a class in, a classifier for the camera out.

Paper: A. Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications, 2017, https://arxiv.org/abs/1704.04861. The task is that of M5Stack's V-Training
service: about 35 photographs each of up to ten objects, taken with an M5StickV.

Deployed: the whole network, MobileNet V1 of width 0.25 at 128 x 128 unless asked otherwise, up to
the logits. The softmax over them is left to the script on the board.
"""

from reference.coin_classifier.method import CoinClassifier

METHOD = CoinClassifier()

__all__ = ["METHOD", "CoinClassifier"]
