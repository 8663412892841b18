//! Datasets, the weight-sharing supernet, fine-tuning and checkpoints.
