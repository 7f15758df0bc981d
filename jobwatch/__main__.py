"""`python -m jobwatch` is `jobwatch`."""

from jobwatch.cli import main

if __name__ == "__main__":
    main()
