"""`python -m letters_torch`."""

from letters_torch.cli import main

if __name__ == "__main__":
    main()
