"""``python -m lissom``: the command line."""

from lissom.cli.main import main

if __name__ == "__main__":
    main()
