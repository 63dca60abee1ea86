"""The databases of servers, and what stands in them."""
