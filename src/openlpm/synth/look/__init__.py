"""What performers look like: identities and everything that draws them."""
