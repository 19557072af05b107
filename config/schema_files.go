package config

// Files answers GET and HEAD with the files of a folder, and with 405 whatever else is asked for. The whole path of a
// request names the file, or what a rewrite in front has made of it. Folders are not listed,
// and names that begin with a dot are not served, but those below /.well-known. No request leads out of the folder: a
// symbolic link is followed where it is relative and stays inside. Files have an ETag and a Last-Modified; If-None-Match
// and the like are answered, and Range where it names one range. What changes in the folder is seen at once, or within
// 50ms where a file is asked for more than eight times a second.
type Files struct {
	// Root is the folder. It may be a symbolic link, which may be switched to another folder at any time.
	Root string `example:"/srv/app" file:"true" koanf:"root" required:"true"`
	// Index is the file that stands for a folder; the path of a folder without a slash at its end is redirected to the one
	// with it. Empty means that folders are not found.
	Index string `default:"index.html" koanf:"index"`
	// Fallback is a file below root that is sent, with status 200, where nothing is found: the page of an application that
	// has its routes in the browser. Names that are not served are not found even so.
	Fallback string `example:"index.html" koanf:"fallback"`
}
