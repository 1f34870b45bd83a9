# Tests that span folders, and checks that run as tests.
