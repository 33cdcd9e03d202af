"""Arrays to pictures: tiles, figures, sheets; below TensorBoard's pictures and the pages alike."""
