"""How the schema came to be, one revision at a time. Forward only: what a revision says is never changed again."""
