"""`python -m baosong`: the command line."""

from baosong.cli import main

if __name__ == "__main__":
    main()
