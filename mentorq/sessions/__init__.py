"""Live sessions: a mentor's hours, requests and bookings, the calendar."""
