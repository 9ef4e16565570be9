// Package emulate gives a model that only reads and writes text what it lacks.
//
// What lives here is how past tool calls and their results are written as text
// (MessageText). Offering tools to the model, reading its calls, and holding its
// answers to a format belong here too. What must not: the platform, sessions, and
// the JSON of any dialect.
//
// # The notation
//
// A call stands on a line of its own after the text of its message, as a JSON
// object with the keys name and arguments, in this order:
//
//	<tool_call>{"name": "get_weather", "arguments": {"city":"Paris"}}</tool_call>
//
// Arguments are the JSON value that the model wrote, white space between its
// tokens removed; what is not valid JSON is a JSON string of it. Within the object
// a `<` that would begin one of the tags is written \u003c.
//
// A result is the text between two lines of tags. An attribute that is not known
// is left out, so there may be none:
//
//	<tool_result id="call_1" name="get_weather">
//	18 °C and sunny
//	</tool_result>
//
// In attributes & < > " and line breaks are character references, as in HTML.
//
// In the text of a result and of an assistant's message a `<` that would begin or
// end one of the tags is written `&lt;`; where the text has that reference in
// front of a tag's name already, its & is written `&amp;`. So every text is told
// from every tag, every text can be had back exactly, and HTML, code and XML of
// other names stay as they are. Messages of other roles are text alone, never read
// for tags, and are not touched.
package emulate
