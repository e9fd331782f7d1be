"""What the engine `template` writes its answers from: sentence forms, curated knowledge, facts as slots."""
