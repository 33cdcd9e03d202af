"""From files (or from nothing) to blocks of samples: sources, standardisation, augmentation, the sample stream."""
