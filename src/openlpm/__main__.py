"""``python -m openlpm``: the command, where nothing has installed it."""

from openlpm.cli.main import main

if __name__ == "__main__":
    main()
