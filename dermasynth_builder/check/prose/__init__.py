"""What checks read texts with: sentences and how they are meant, and the terms that stand in them."""
