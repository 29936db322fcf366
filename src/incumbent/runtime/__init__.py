"""What carries an elector's decisions out. Private: nothing here is exported."""
