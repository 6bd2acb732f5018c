"""`python -m runebook` is the command line."""

from runebook.cli.main import main

if __name__ == "__main__":
    main()
