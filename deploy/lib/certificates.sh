# shellcheck shell=bash
# Certificates of a demo: an authority of its own, one for all servers on this machine, and one for everybody who calls them. Not for use
# elsewhere.
#
#   certificates_make FOLDER CLIENT…     FOLDER/certificates/: ca.pem, server.pem and .key, <client>.pem and .key (common name: the client)

CERTIFICATES_DAYS=30

certificates_make() {
    local folder=$1/certificates name
    shift
    install -d -m 0700 "$folder"
    (
        umask 077
        certificate_request "$folder" ca '/O=Xinqiao demo/CN=demo authority' -x509 -days "$CERTIFICATES_DAYS" -out "$folder/ca.pem"
        certificate_sign "$folder" server 'subjectAltName=IP:127.0.0.1,DNS:localhost'
        for name in "$@"; do
            certificate_sign "$folder" "$name" 'extendedKeyUsage=clientAuth'
        done
        rm -f "$folder"/*.request "$folder/ca.key"
    )
}

# certificate_request FOLDER NAME SUBJECT OPTION…: a key and what openssl makes of it.
certificate_request() {
    local folder=$1 name=$2 subject=$3
    shift 3
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$folder/$name.key" -subj "$subject" "$@"
}

certificate_sign() {
    local folder=$1 name=$2 extension=$3
    certificate_request "$folder" "$name" "/O=Xinqiao demo/CN=$name" -out "$folder/$name.request"
    openssl x509 -req -in "$folder/$name.request" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -days "$CERTIFICATES_DAYS" \
        -extfile <(printf '%s\n' "$extension") -out "$folder/$name.pem"
}
