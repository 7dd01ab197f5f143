"""Results: from stored records to the documents that every table, page and plot is drawn from."""
