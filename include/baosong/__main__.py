"""`python -m baosong`: the command line."""

from baosong.cli.main import main

if __name__ == "__main__":
    main()
