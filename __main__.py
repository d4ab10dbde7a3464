"""Run kincap as ``python -m kincap``."""

from kincap.cli.main import main

if __name__ == "__main__":
    main()
