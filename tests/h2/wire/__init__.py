"""An HTTP/2 client whose frames are in the hands of the test: it sends what no library would, and reads strictly."""
