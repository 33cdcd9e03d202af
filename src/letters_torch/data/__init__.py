"""From letters to blocks of samples: readers, standardisation, augmentation, the sample stream."""
