"""Ray itself: an instance of our own or a cluster, its nodes, its exceptions as ours."""
