"""Training data: reading, augmentation, synthetic flow, copy-paste, and the batches made of them."""
