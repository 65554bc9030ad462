from flowbackup.building.graph import Graph as Graph

__version__: str
