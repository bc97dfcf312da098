# Counts requests that reached another server than the one before in their session: what somebody
# would write in a hurry. Fields of HAProxy's default httplog behind an RFC 3164 header; the session
# cookie is captured in the request.
{
	server = $9
	cookie = $13
	if (cookie == "-") next
	n++
	if (cookie in last && last[cookie] != server) moved++
	last[cookie] = server
}
END {
	for (c in last) sessions++
	print n, "requests,", sessions, "sessions,", moved + 0, "moved"
}
