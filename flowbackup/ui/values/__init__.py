"""What requests and answers of the page look like, one file for each screen.  Specs are the models
of `spec`, in the shape of the file."""
