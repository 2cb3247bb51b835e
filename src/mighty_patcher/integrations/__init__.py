"""One small file per framework. None of them imports its framework before the program has."""
