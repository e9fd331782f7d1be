"""What a person reads about images, questions, costs and rows."""
