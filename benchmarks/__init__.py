"""Speed, shown as ratios against peers measured in the same run: `python -m benchmarks`. See docs/benchmarks.md."""
