"""Why a case changed: the causes that were seen, each with its share where that was measured."""
