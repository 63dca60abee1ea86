"""Programs for developers of the project; none of them is part of the server."""
