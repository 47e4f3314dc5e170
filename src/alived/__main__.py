"""`python -m alived`."""

from alived.cli.main import main

if __name__ == "__main__":
    main()
