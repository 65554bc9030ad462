"""Where the files of media are, and how they are reached there: directories, and buckets of S3."""
