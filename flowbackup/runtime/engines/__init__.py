"""What makes actors live: the port that everybody speaks through, and behind it Ray, or the threads
of this process."""
