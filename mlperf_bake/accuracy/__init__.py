"""Accuracy of every benchmark: LoadGen's accuracy log and the ground truth in, figures and the line of accuracy.txt out.

One module a metric; ``registry`` says which benchmark takes which. What cannot be measured here is refused with the
reason, or left out of the figures; nothing is estimated.
"""
