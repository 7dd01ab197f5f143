"""Distributions made up for a test: what one that is installed says of itself."""


def write_distribution(folder, name, entry_points, version="1.0"):
    """Write the metadata of a distribution into a folder, made where there is none; its modules aside.

    Arguments:
        folder: what is on the path.
        name: of the distribution.
        entry_points: values by their names, by group.
        version: of the distribution.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [(f"[{group}]", *(f"{n} = {value}" for n, value in each.items())) for group, each in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(line for group in groups for line in group))
