"""`python -m baosong_local`: the command line of a checkout."""

from baosong_local.cli import main

if __name__ == "__main__":
    main()
